/** From the log through rsyslog to Loki: streams of few labels, times to the microsecond, and what a line may be long. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tempFolder } from '../support/temp-folder';
import { until } from '../support/until';
import { Receiver, withoutBodies, type Answer, type Fields, type Post } from './receiver';
import { Rsyslog } from './rsyslog';

const course = readFileSync('fixtures/logs/course.log', 'utf8').trimEnd().split('\n');

interface Push {
  streams: { stream: Record<string, string>; values: [string, string][] }[];
}
const lines: { labels: Record<string, string>; time: string; line: string }[] = [];

/** As Loki: the good lines of a push are taken, and 400 is answered when one is too long. */
function take({ path, headers, body }: Post): Answer {
  if (path !== '/loki/api/v1/push') throw new Error(`POST ${path}`);
  if (headers['content-type'] !== 'application/json') throw new Error(`type ${headers['content-type']}`);
  let tooLong = false;
  for (const { stream, values } of (JSON.parse(body) as Push).streams)
    for (const [time, line] of values) {
      if (!/^\d{19}$/.test(time)) throw new Error(`time ${time}`);
      const entry = { labels: stream, time, line };
      if (Buffer.byteLength(line) > 256 * 1024) tooLong = true;
      else if (!lines.some((other) => JSON.stringify(other) === JSON.stringify(entry))) lines.push(entry);
    }
  return tooLong ? { status: 400, body: 'Max entry size 262144 bytes exceeded' } : { status: 204, body: '' };
}

test('rsyslog to Loki: every event with its time, and a line that is too long is written down as refused', async () => {
  const receiver = new Receiver(take);
  await receiver.up();
  const shipper = new Rsyslog(tempFolder(), 'loki', receiver.url);
  try {
    const long = JSON.stringify({ ...(JSON.parse(course[0] ?? '') as Fields), userAgent: 'x'.repeat(300_000) });
    writeFileSync(join(shipper.logs, 'audit.log'), [...course.slice(0, 10), long, ...course.slice(10), ''].join('\n'));
    await shipper.start();
    await until(() => lines.length >= course.length);
    const expected = course.map((text) => {
      const event = withoutBodies(text);
      const [, second = '', micro = ''] = /^(.*)\.(\d{6})Z$/.exec(event.stageTimestamp as string) ?? [];
      return JSON.stringify({
        labels: { job: 'kubernetes-audit', node: 'node-1', verb: event.verb },
        time: `${Date.parse(`${second}Z`) / 1000}${micro}000`,
        line: JSON.stringify({ ...event, node: 'node-1' }),
      });
    });
    expect(lines.map((line) => JSON.stringify(line)).sort()).toEqual(expected.sort());
    const refused = readFileSync(shipper.refused, 'utf8').trimEnd().split('\n');
    expect(refused.map((text) => (JSON.parse(text) as { line: string }).line)).toEqual([long]);
    expect(receiver.problems).toEqual([]);
  } finally {
    await shipper.stop();
    await receiver.down();
  }
});
