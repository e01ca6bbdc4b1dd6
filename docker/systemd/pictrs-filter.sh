#!/bin/sh
# pictrs-filter's commands with the settings of the service, and as its user: /usr/local/sbin/pictrs-filter
#
# Root runs it. Files that it is to look at (`pictrs-filter classify FILE`) must be readable for that user.
exec runuser -u pictrs-filter -- env HOME=/var/lib/pictrs-filter HF_HOME=/var/cache/pictrs-filter \
    PICTRS_FILTER_CONFIG=/etc/pictrs-filter/filter.yaml /opt/pictrs-filter/bin/pictrs-filter "$@"
