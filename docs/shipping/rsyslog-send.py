#!/usr/bin/env python3
"""Sends the audit events that rsyslog hands over (omprog) to OpenSearch, Loki or ClickHouse over HTTP.

The rule: an event is confirmed only when the receiver has taken it. What no receiver will ever take (no JSON, too large, of a
wrong type) goes to the file of what was refused. All else is asked again, by rsyslog, until it is taken.
Python's own library is all it needs.
"""
import argparse, base64, glob, hashlib, json, os, ssl, sys, time, urllib.error, urllib.parse, urllib.request
from datetime import datetime, timezone

parser = argparse.ArgumentParser()
parser.add_argument('kind', choices=['opensearch', 'loki', 'clickhouse'])
parser.add_argument('url')
parser.add_argument('--auth', metavar='FILE', help='a line user:password')
parser.add_argument('--ca', metavar='FILE')
parser.add_argument('--node', default=os.uname().nodename)
parser.add_argument('--bodies', action='store_true', help='send request and response objects as well')
parser.add_argument('--log', metavar='GLOB', default='', help='what rsyslog reads')
parser.add_argument('--pause', type=float, default=5, help='seconds before an event is asked again')
parser.add_argument('--refused', metavar='FILE', required=True)
args = parser.parse_args()

POST_BYTES = 4 << 20
# The API server takes objects 10,000 deep.
sys.setrecursionlimit(12000)
tls = ssl.create_default_context(cafile=args.ca)
headers = {}
if args.auth:
    with open(args.auth, 'rb') as file:
        headers['Authorization'] = 'Basic ' + base64.b64encode(file.read().strip()).decode()


def compact(value):
    # "replace" is for a lone surrogate, which UTF-8 cannot say.
    return json.dumps(value, ensure_ascii=False, separators=(',', ':')).encode('utf-8', 'replace')


class Event:
    def __init__(self, line):
        self.line = line
        self.fields = json.loads(line.decode('utf-8', 'replace'))
        self.time = self.fields['stageTimestamp']
        if not args.bodies:
            self.fields.pop('requestObject', None)
            self.fields.pop('responseObject', None)
        self.fields['node'] = args.node


class OpenSearch:
    path = '/_bulk'
    type = 'application/x-ndjson'

    def body(self, events):
        out = []
        for event in events:
            # Not of the Audit-ID: a client may choose that, and could so hide an event behind an older one.
            id = hashlib.sha256(event.line).hexdigest()
            index = 'kubernetes-audit-' + event.time[:10].replace('-', '.')
            out += [compact({'create': {'_index': index, '_id': id}}), compact({**event.fields, '@timestamp': event.time})]
        return b'\n'.join(out) + b'\n'

    def answered(self, events, answer):
        """What will never be taken; or an error, where anything is to be asked again."""
        items = json.loads(answer)['items']
        if len(items) != len(events):
            raise ValueError('%d answers for %d events' % (len(items), len(events)))
        never = []
        for event, item in zip(events, items):
            result = item['create']
            # 409: it is there from an earlier try.
            if result['status'] in (200, 201, 409):
                continue
            if result['status'] != 400:
                raise ValueError('an event was answered %d' % result['status'])
            never.append((event.line, result.get('error')))
        return never


class Loki:
    path = '/loki/api/v1/push'
    type = 'application/json'

    def body(self, events):
        streams = {}
        for event in events:
            # Few values each: users, names and addresses are looked for in the line, they are no labels.
            labels = (('job', 'kubernetes-audit'), ('node', args.node), ('verb', event.fields.get('verb', '')))
            second = datetime.strptime(event.time[:19], '%Y-%m-%dT%H:%M:%S').replace(tzinfo=timezone.utc)
            nanoseconds = '%d%s' % (second.timestamp(), event.time[19:].strip('.Z').ljust(9, '0'))
            streams.setdefault(labels, []).append([nanoseconds, compact(event.fields).decode()])
        return compact({'streams': [{'stream': dict(labels), 'values': values} for labels, values in streams.items()]})

    def answered(self, events, answer):
        return []


class ClickHouse:
    type = 'application/x-ndjson'
    path = '/?' + urllib.parse.urlencode({
        'query': 'INSERT INTO audit.events FORMAT JSONEachRow',
        'date_time_input_format': 'best_effort',
    })

    def body(self, events):
        return b'\n'.join(compact(self.row(event.fields)) for event in events) + b'\n'

    def row(self, event):
        ref = event.get('objectRef') or {}
        row = {
            'time': event['stageTimestamp'],
            'node': event['node'],
            'audit_id': event.get('auditID'),
            'stage': event.get('stage'),
            'level': event.get('level'),
            'user': (event.get('user') or {}).get('username'),
            'groups': (event.get('user') or {}).get('groups'),
            'impersonated_user': (event.get('impersonatedUser') or {}).get('username'),
            'verb': event.get('verb'),
            'api_group': ref.get('apiGroup'),
            'resource': ref.get('resource'),
            'subresource': ref.get('subresource'),
            'namespace': ref.get('namespace'),
            'name': ref.get('name'),
            'uri': event.get('requestURI'),
            'source_ips': event.get('sourceIPs'),
            'user_agent': event.get('userAgent'),
            'code': (event.get('responseStatus') or {}).get('code'),
            'decision': (event.get('annotations') or {}).get('authorization.k8s.io/decision'),
        }
        return {name: value for name, value in row.items() if value is not None}

    def answered(self, events, answer):
        return []


receiver = {'opensearch': OpenSearch, 'loki': Loki, 'clickhouse': ClickHouse}[args.kind]()


def refuse(line, why):
    with open(os.open(args.refused, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), 'ab') as file:
        file.write(compact({'why': why, 'line': line.decode('utf-8', 'replace')}) + b'\n')


def post(events):
    request = urllib.request.Request(
        args.url.rstrip('/') + receiver.path, receiver.body(events), {**headers, 'Content-Type': receiver.type})
    try:
        with urllib.request.urlopen(request, timeout=50, context=tls if args.url.startswith('https:') else None) as response:
            never = receiver.answered(events, response.read())
    except urllib.error.HTTPError as error:
        why = 'answered %d: %s' % (error.code, error.read(300).decode('utf-8', 'replace'))
        if error.code not in (400, 413):
            raise ValueError(why)
        # One event may stand in the way of all: it is found by halves.
        if len(events) > 1:
            post(events[:len(events) // 2])
            post(events[len(events) // 2:])
            return
        never = [(events[0].line, why)]
    for line, why in never:
        refuse(line, why)


def send(lines):
    events, size = [], 0
    for line in lines:
        try:
            event = Event(line)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            refuse(line, 'not an audit event: %s' % error)
            continue
        if events and size + len(line) > POST_BYTES:
            post(events)
            events, size = [], 0
        events.append(event)
        size += len(line)
    if events:
        post(events)


def say(word):
    sys.stdout.write(word.replace('\n', ' ')[:400] + '\n')
    sys.stdout.flush()


def first_lines():
    # Of a new file rsyslog writes down that it has read its first 512 bytes before it has passed them on. Killed in between, it
    # never does. So these lines are sent once more at every start.
    for path in glob.glob(args.log):
        try:
            with open(path, 'rb') as file:
                while file.tell() < 512:
                    line = file.readline()
                    if not line.endswith(b'\n'):
                        break
                    if line != b'\n':
                        yield line.rstrip(b'\n')
        except OSError:
            continue


again = list(first_lines())
waiting = []
say('OK')
for line in sys.stdin.buffer:
    line = line.rstrip(b'\n')
    if line == b'BEGIN TRANSACTION':
        waiting = []
        say('OK')
    elif line == b'COMMIT TRANSACTION':
        try:
            send([line for line in again if line not in waiting] + waiting)
            again = []
            say('OK')
        except Exception as error:  # whatever it is, the events are still to be sent
            # rsyslog asks again at once: its own interval is for programs that cannot be started.
            time.sleep(args.pause)
            say('not sent yet: %s' % error)
        waiting = []
    else:
        if line:
            waiting.append(line)
        say('DEFER_COMMIT')
