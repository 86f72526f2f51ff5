import { appendFileSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { line } from '../support/audit-events';
import { run } from '../support/command-line';
import { FakeNode } from '../support/fake-node';
import { fixture } from '../support/manifests';
import { tempFolder } from '../support/temp-folder';
import { Browser } from './chromium';

const FOLDER = tempFolder();
const PAGE = join(FOLDER, 'report.html');
const URL = pathToFileURL(PAGE).href;
/** Where screenshots go, for looking at them. */
const SHOTS = process.env.KUBE_AUDITCTL_SCREENSHOTS ?? FOLDER;
const EVIL = '"><img src=x onerror=alert(1)><script>alert(2)</script>';
let browser: Browser;

beforeAll(async () => {
  mkdirSync(SHOTS, { recursive: true });
  const log = join(FOLDER, 'audit.log');
  copyFileSync('fixtures/logs/course.log', log);
  for (const time of ['2026-11-21T08:00:00.000000Z', '2026-11-21T10:30:00.000000Z'])
    appendFileSync(
      log,
      `${line({ auditID: time, user: EVIL, resource: 'secrets', name: EVIL, agent: EVIL, code: 403, time })}\n`,
    );
  const node = new FakeNode(fixture('kubeadm-1.36.yaml'));
  const { code } = await run(node, ['log', 'report', log, '--html', PAGE, '--utc'], { disk: true, uid: 1000 });
  expect(code).toBe(0);
  browser = new Browser();
});

afterAll(() => browser.close());

const shot = async (name: string): Promise<void> => {
  const { data } = await browser.send('Page.captureScreenshot', { captureBeyondViewport: false });
  writeFileSync(join(SHOTS, `${name}.png`), Buffer.from(data as string, 'base64'));
};
const visible =
  'Array.from(document.querySelectorAll("tbody tr")).filter(function(row){return row.offsetParent!==null}).length';
const of = (method: string): Record<string, unknown>[] =>
  browser.events.filter((event) => event.method === method).map(({ params }) => params);

test('nothing is fetched, nothing is refused, no stranger\u2019s script runs', async () => {
  await browser.page();
  await browser.open(URL);
  const requested = of('Network.requestWillBeSent').map(({ request }) => (request as { url: string }).url);
  expect(requested).toEqual([URL]);
  expect(of('Log.entryAdded')).toEqual([]);
  expect(of('Runtime.exceptionThrown')).toEqual([]);
  expect(of('Page.javascriptDialogOpening')).toEqual([]);
  expect(await browser.evaluate('document.querySelectorAll("img, iframe, object, link").length')).toBe(0);
  await shot('light');
});

test('its own script shows only rows with the words typed', async () => {
  await browser.page();
  await browser.open(URL);
  const all = (await browser.evaluate(visible)) as number;
  await browser.evaluate('document.querySelector("#filter input").focus()');
  await browser.send('Input.insertText', { text: 'Mallory secrets' });
  const some = (await browser.evaluate(visible)) as number;
  expect(some).toBeGreaterThan(0);
  expect(some).toBeLessThan(all);
  const texts = (await browser.evaluate(
    'Array.from(document.querySelectorAll("tbody tr:not([hidden])")).map(function(row){return row.textContent})',
  )) as string[];
  for (const text of texts) expect(text).toMatch(/mallory[\s\S]*secrets/);
  await shot('filtered');
});

test('without scripts everything is there', async () => {
  await browser.page();
  await browser.send('Emulation.setScriptExecutionDisabled', { value: true });
  await browser.open(URL);
  const { root } = await browser.send('DOM.getDocument', { depth: 0 });
  const nodeId = (root as { nodeId: number }).nodeId;
  const { nodeIds } = await browser.send('DOM.querySelectorAll', { nodeId, selector: 'tbody tr' });
  expect((nodeIds as number[]).length).toBeGreaterThan(50);
  expect((await browser.send('DOM.querySelector', { nodeId, selector: '#filter' })).nodeId).toBe(0);
});

test('light and dark: text stands out from its ground', async () => {
  await browser.page();
  await browser.open(URL);
  const contrast = `(function(){
    function luminance(colour){var parts=colour.match(/[\\d.]+/g).slice(0,3).map(function(each){each/=255;return each<=.03928?each/12.92:Math.pow((each+.055)/1.055,2.4)});return .2126*parts[0]+.7152*parts[1]+.0722*parts[2]}
    var ground=luminance(getComputedStyle(document.body).backgroundColor);
    return Array.from(document.querySelectorAll('td,th,h1,h2,p,.card b')).map(function(each){var ink=luminance(getComputedStyle(each).color);return (Math.max(ink,ground)+.05)/(Math.min(ink,ground)+.05)}).reduce(function(a,b){return Math.min(a,b)})})()`;
  const grounds = new Set<unknown>();
  for (const value of ['light', 'dark']) {
    await browser.send('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value }] });
    grounds.add(await browser.evaluate('getComputedStyle(document.body).backgroundColor'));
    expect(await browser.evaluate(contrast)).toBeGreaterThan(4.5);
  }
  expect(grounds.size).toBe(2);
  await shot('dark');
  await browser.evaluate('document.getElementById("secrets").scrollIntoView()');
  await shot('dark-secrets');
});

test('on a narrow screen only tables scroll sideways', async () => {
  await browser.page(400, 800);
  await browser.open(URL);
  expect(await browser.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(400);
  await shot('narrow');
});

test('on paper', async () => {
  await browser.page();
  await browser.open(URL);
  await browser.send('Emulation.setEmulatedMedia', { media: 'print' });
  expect(await browser.evaluate('getComputedStyle(document.querySelector("#filter")).display')).toBe('none');
  const { data } = await browser.send('Page.printToPDF', {});
  const pdf = Buffer.from(data as string, 'base64');
  writeFileSync(join(SHOTS, 'report.pdf'), pdf);
  expect(pdf.subarray(0, 5).toString()).toBe('%PDF-');
});
