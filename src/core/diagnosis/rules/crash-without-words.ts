/**
 * The container ends again and again, and no words of an end are known in its log: killed from outside, its log is lost,
 * or it speaks in a way that no rule knows. Then its last lines are shown as they stand.
 */
import { saidIn, wordsOf } from '../../klog';
import { kubeletLines, newestWords, type Rule } from '../diagnose';

const SHOWN = 5;

export const crashWithoutWords: Rule = (scene) => {
  const line = kubeletLines(scene, /CrashLoopBackOff/).at(-1);
  if (!line || newestWords(scene)) return undefined;
  const log = scene.logs.at(-1);
  const last = log?.lines.slice(-SHOWN) ?? [];
  // What a server says of its good progress is no reason for its end.
  const complaint = last.findLast(({ text }) => text.trim() !== '' && saidIn(text)?.severity !== 'I');
  return {
    certain: scene.running.length === 0 && scene.starts >= 2,
    finding: {
      code: 'crash-loop',
      severity: 'error',
      title: complaint
        ? `the API server ends soon after every start; the last that it says is: ${wordsOf(complaint.text)}`
        : 'the API server ends soon after every start, without saying why',
      detail: [line.text, ...(log ? [log.path, ...last.map(({ text }) => `  ${text}`)] : [])].join('\n'),
      remedy: [
        ...(complaint && log ? [`tail -n 50 ${log.path}`] : []),
        'journalctl -k --since -10min | grep -i -e oom -e killed',
        'crictl ps -a --name kube-apiserver',
      ],
    },
  };
};
