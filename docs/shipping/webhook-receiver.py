#!/usr/bin/env python3
"""Receives audit events from API servers (the webhook backend) and writes them to a file a day, one event a line.

The rule: a batch is answered 200 only when it is on the disk. Whatever else is answered, the API server sends it again.
Only who has a certificate of the given authority is listened to. Python's own library is all it needs.
"""
import argparse, json, os, ssl, sys, threading
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

parser = argparse.ArgumentParser()
parser.add_argument('--listen', default='0.0.0.0:8443', metavar='ADDRESS:PORT')
parser.add_argument('--cert', required=True, help='its own certificate, and those in between')
parser.add_argument('--key', required=True)
parser.add_argument('--client-ca', required=True, help="the authority of the API servers' certificates")
parser.add_argument('--folder', required=True, help='of the files; who reads them may remove them')
args = parser.parse_args()

MOST_BYTES = 256 << 20
# The API server takes objects 10,000 deep.
sys.setrecursionlimit(12000)
writing = threading.Lock()


def write(events):
    lines = b''.join(json.dumps(event, ensure_ascii=False, separators=(',', ':')).encode('utf-8', 'replace') + b'\n' for event in events)
    path = os.path.join(args.folder, datetime.now(timezone.utc).strftime('audit-%Y-%m-%d.log'))
    with writing:
        with open(os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600), 'r+b') as file:
            end = file.seek(0, os.SEEK_END)
            try:
                file.write(lines)
                file.flush()
                os.fsync(file.fileno())
            except OSError:
                # Half a line would spoil the next one.
                os.truncate(path, end)
                raise


class Handler(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    timeout = 60

    def do_POST(self):
        try:
            size = int(self.headers.get('Content-Length', -1))
            if not 0 <= size <= MOST_BYTES:
                return self.answer(411 if size < 0 else 413, close=True)
            body = self.rfile.read(size)
            if self.path.split('?')[0] != '/events':
                return self.answer(404)
            batch = json.loads(body)
            if batch.get('kind') != 'EventList':
                return self.answer(400)
            write(batch['items'])
            self.answer(200)
        except (ValueError, KeyError, AttributeError, RecursionError):
            self.answer(400)
        except OSError as error:
            self.log_error('%s', error)
            self.answer(500)

    def answer(self, status, close=False):
        self.send_response(status)
        self.send_header('Content-Length', '0')
        if close:
            self.send_header('Connection', 'close')
        self.end_headers()

    def log_request(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def finish_request(self, request, client_address):
        # Here, in the thread of the connection: a client that says nothing holds up no other.
        request.settimeout(10)
        super().finish_request(tls.wrap_socket(request, server_side=True), client_address)

    def handle_error(self, request, client_address):
        print('%s: %s' % (client_address[0], sys.exc_info()[1]), file=sys.stderr)


tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=args.client_ca)
tls.verify_mode = ssl.CERT_REQUIRED
tls.load_cert_chain(args.cert, args.key)
address, port = args.listen.rsplit(':', 1)
server = Server((address, int(port)), Handler)
print('listening on %s:%d' % server.server_address[:2], flush=True)
server.serve_forever()
