#!/bin/sh
# pictrs-filter.conf in a container of the official nginx image: the addresses of docker-compose.fastpath.yml in place of
# those of one machine, and nothing else of it changed. Writes below /tmp only, so the container may be read-only and
# without root. `sh container.sh -t` checks what it makes and ends.
set -eu

folder=/tmp/pictrs-nginx
mkdir -p "$folder"

# In the order of the file: pict-rs, the filter, the filter's listener for pict-rs, where Lemmy asks.
sed -e 's/server 127\.0\.0\.1:8080;/server pictrs-upstream:8080;/' \
    -e 's/server 127\.0\.0\.1:8081;/server pictrs-filter:8081;/' \
    -e 's/server 127\.0\.0\.1:8082;/server pictrs-filter:8082;/' \
    -e 's/listen 127\.0\.0\.1:8090;/listen 8080;/' \
    "$(dirname "$0")/pictrs-filter.conf" >"$folder/pictrs-filter.conf"

cat >"$folder/nginx.conf" <<CONF
worker_processes auto;
pcre_jit on;
pid $folder/pid;
error_log stderr;
events { worker_connections 2048; }
http {
    client_body_temp_path $folder/body;
    proxy_temp_path $folder/proxy;
    fastcgi_temp_path $folder/fastcgi;
    uwsgi_temp_path $folder/uwsgi;
    scgi_temp_path $folder/scgi;
    include $folder/pictrs-filter.conf;
}
CONF
exec nginx -e stderr -c "$folder/nginx.conf" -g 'daemon off;' "$@"
