"""Python scripts for the machine with systemd (machine.py): each prints one JSON value."""

from __future__ import annotations

LISTENING = """
import json, pathlib
found = {}
for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]:
    address, state = line.split()[1], line.split()[3]
    if state == "0A":
        found[int(address[9:], 16)] = address[:8]
print(json.dumps(found))
"""
"""Ports that are listened on, and the address, as the kernel writes it: 127.0.0.1 is 0100007F."""

FETCH = """
import functools, http.client, http.server, json, socket, threading
name = socket.gethostbyname(socket.gethostname())
class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *words): pass
server = http.server.ThreadingHTTPServer((name, 0), functools.partial(Quiet, directory="/src/model"))
threading.Thread(target=server.serve_forever, daemon=True).start()
def ask(host, port, target):
    connection = http.client.HTTPConnection(host, port, timeout=60)
    connection.request("GET", target)
    answer = connection.getresponse()
    return answer.status, answer.read().decode(errors="replace")
remote = f"http://{name}:{server.server_port}/placeholder.png"
found = ask(name, server.server_port, "/placeholder.png")[0]
print(json.dumps([found, ask("127.0.0.1", 8080, f"/image/download?url={remote}")]))
"""
"""A web site at an address of this machine that is not 127.0.0.1, and pict-rs told to fetch a picture from it."""

IN_HAND = """
import http.client, json, pathlib, secrets, socket, subprocess, time
def told(*words):
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout
boundary = secrets.token_hex(8)
disposition = 'Content-Disposition: form-data; name="images[]"; filename="a.png"'
head = f"--{boundary}\\r\\n{disposition}\\r\\nContent-Type: image/png\\r\\n\\r\\n".encode()
body = head + pathlib.Path("/src/model/placeholder.png").read_bytes() + f"\\r\\n--{boundary}--\\r\\n".encode()
client = socket.create_connection(("127.0.0.1", 8081), timeout=60)
kind = f"multipart/form-data; boundary={boundary}"
client.sendall(f"POST /image HTTP/1.1\\r\\nHost: x\\r\\nExpect: 100-continue\\r\\nContent-Type: {kind}\\r\\n"
               f"Content-Length: {len(body)}\\r\\n\\r\\n".encode())
went_on = client.recv(1000)
client.sendall(body[:100])
decoders = told("pgrep", "--parent", told("systemctl", "show", "-P", "MainPID", "pictrs-filter").strip()).split()
told("systemctl", "stop", "--no-block", "pictrs-filter")
while "stopping: finishing" not in told("journalctl", "--unit", "pictrs-filter", "--lines", "3", "--output", "cat"):
    time.sleep(0.05)
while told("systemctl", "show", "-P", "SubState", "pictrs-filter").strip() != "stop-sigterm":
    time.sleep(0.05)
alive = ["State:\\tZ" not in pathlib.Path("/proc", each, "status").read_text() for each in decoders
         if pathlib.Path("/proc", each).exists()]
client.sendall(body[100:])
answer = http.client.HTTPResponse(client)
answer.begin()
print(json.dumps([went_on.decode(), alive, answer.status, answer.read().decode()]))
"""
"""An upload of which a part is there when the stop comes, and the rest after the filter has heard of it. Tells besides
which of the decoders were alive in between."""
