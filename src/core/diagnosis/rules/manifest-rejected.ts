/** The kubelet cannot make a pod of the file. The old pod is killed at its next poll, within 20 seconds. */
import { saidIn } from '../../klog';
import type { Rule } from '../diagnose';

const REJECTED = /can't process (?:config|manifest) file|Could not process manifest file|Can't process manifest file/i;

export const manifestRejected: Rule = (scene) => {
  const line = scene.kubelet.findLast((entry) => REJECTED.test(entry.text) && names(entry.text, scene.manifestPath));
  if (!line) return undefined;
  // The kubelet's own reading can race with the rename of a writer that came before us; such an error names no content.
  if (/no such file or directory\\?"?\s*$/.test(line.text)) return undefined;
  const reason = reasonOf(line.text, scene.manifestPath);
  const missing = /volumeMounts\[(\d+)\]\.name: Not found: \\*"([^"\\]+)/.exec(line.text);
  return {
    certain: true,
    finding: {
      code: 'manifest-rejected',
      severity: 'error',
      title: missing
        ? `the kubelet rejects the manifest: volumeMount ${missing[2]} names no volume`
        : `the kubelet rejects the manifest: ${firstLine(reason)}`,
      detail: line.text,
      remedy: missing
        ? [
            `add a volume named ${missing[2]} under spec.volumes, or remove spec.containers[0].volumeMounts[${missing[1]}]`,
          ]
        : ['correct the manifest where the kubelet points, then apply it again'],
    },
  };
};

/** Not `kube-apiserver.yaml.bak`, `kube-apiserver.yaml~`: the kubelet complains of these without touching ours. */
function names(text: string, path: string): boolean {
  for (let at = text.indexOf(path); at !== -1; at = text.indexOf(path, at + 1)) {
    if (/^(?:\\?"|:|\s|$)/.test(text.slice(at + path.length))) return true;
  }
  return false;
}

function reasonOf(text: string, path: string): string {
  const unescaped = saidIn(text)?.error ?? text.replaceAll('\\"', '"').replaceAll('\\n', '\n');
  const quotedPath = unescaped.indexOf(`"${path}": `);
  const after = quotedPath === -1 ? unescaped : unescaped.slice(quotedPath + path.length + 4);
  const parse = /couldn't parse as pod\((.*)\), please check/s.exec(after);
  if (parse?.[1]) return parse[1];
  return /invalid pod: (.*?)"?(?: path=.*)?$/s.exec(after)?.[1] ?? after;
}

function firstLine(text: string): string {
  return text.split('\n')[0]?.trim() ?? '';
}
