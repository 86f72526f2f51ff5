/**
 * What keeps a policy from being installed: lint's errors, by the names of its rules; its warnings are shown beside them.
 * Lint is loaded when it is asked: our own presets pass it (their test holds them to that), and need not be read again.
 */
import type { Finding } from '../core/finding';
import { PRESETS } from '../core/policy/presets';
import type { KubeVersion } from '../core/policy/types';

/**
 * @param from what the user called it, for the places.
 * @param known a server goes by it already: then only what keeps it from loading is an error.
 */
export async function checkPolicy(
  text: string,
  from: string,
  kubeVersion: KubeVersion | undefined,
  { known = false } = {},
): Promise<Finding[]> {
  if (PRESETS.some((preset) => preset.text === text)) return [];
  const { lintPolicy } = await import('../core/policy/lint');
  const { findings } = lintPolicy(text, { file: from, ...(kubeVersion ? { kubeVersion } : {}) });
  return findings
    .filter(({ severity }) => severity !== 'info')
    .map(({ code, severity, title, detail, place, remedy, blocksLoading }) => ({
      code,
      severity: known && blocksLoading !== true ? ('warning' as const) : severity,
      title: blocksLoading === true ? `the API server would not start with ${from}: ${title}` : title,
      ...(detail === undefined ? {} : { detail }),
      ...(place === undefined ? {} : { place }),
      remedy:
        code === 'sensitive-bodies' ? [...remedy, 'or, if that is what you want: --ignore sensitive-bodies'] : remedy,
    }));
}
