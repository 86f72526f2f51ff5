/** Quantities such as 250m and 256Mi, read as the kubelet reads them. Source: apimachinery/pkg/api/resource/quantity.go. */

const FORM = /^[+-]?(\d*)(?:\.(\d*))?([eEinumkKMGTP]*[-+]?\d*)$/;
const BINARY = ['Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];
const DECIMAL: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
};

/** Why the text is no quantity, in the kubelet's words. */
export function quantityProblem(text: string): string | undefined {
  const form = FORM.exec(text);
  if (!form || text === '')
    return "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
  const [, whole = '', part = '', suffix = ''] = form;
  if (factorOf(suffix) === undefined) return "unable to parse quantity's suffix";
  if (whole === '' && part === '') return 'unable to parse numeric part of quantity';
  return undefined;
}

/** Close enough to be compared; undefined when it is no quantity. */
export function quantityValue(text: string): number | undefined {
  const suffix = FORM.exec(text)?.[3] ?? '';
  const factor = factorOf(suffix);
  if (factor === undefined || quantityProblem(text) !== undefined) return undefined;
  return Number(text.slice(0, text.length - suffix.length)) * factor;
}

function factorOf(suffix: string): number | undefined {
  const power = BINARY.indexOf(suffix);
  if (power !== -1) return 1024 ** (power + 1);
  if (Object.hasOwn(DECIMAL, suffix)) return DECIMAL[suffix];
  return /^[eE][+-]?\d+$/.test(suffix) ? 10 ** Number(suffix.slice(1)) : undefined;
}
