/** The container ends again and again and its log tells no reason: killed from outside, or its log is lost. */
import { kubeletLines, newestWords, type Rule } from '../diagnose';

export const crashWithoutWords: Rule = (scene) => {
  const line = kubeletLines(scene, /CrashLoopBackOff/).at(-1);
  if (!line || newestWords(scene)) return undefined;
  const log = scene.logs.at(-1);
  return {
    certain: scene.running.length === 0 && scene.starts >= 2,
    finding: {
      code: 'crash-loop',
      severity: 'error',
      title: 'the API server ends soon after every start, without saying why',
      detail: [line.text, ...(log ? [log.path, ...log.lines.slice(-5).map((entry) => `  ${entry.text}`)] : [])].join(
        '\n',
      ),
      remedy: ['journalctl -k --since -10min | grep -i -e oom -e killed', 'crictl ps -a --name kube-apiserver'],
    },
  };
};
