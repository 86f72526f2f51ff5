/** The server cannot open its audit log and ends (1.22 and newer; older ones start and lose the events). */
import { newestWords, quoted, type Rule, type Scene } from '../diagnose';
import { logFinding } from '../log-finding';

export { logFinding };

export const auditLogUnusable: Rule = (scene) => {
  const words = newestWords(scene);
  const match = words && /ensureLogFile: (?:open|mkdir|stat) (\S+): (.*)$/.exec(words.reason);
  if (!match) return movedAside(scene);
  return { certain: words.gone, finding: logFinding(match[1] ?? '', match[2] ?? '', quoted(words)) };
};

/** Servers before 1.22 move a folder at the log's path aside, with the logs in it, and write a file there. */
const OWN_WORDS_MS = 1500;

function movedAside(scene: Scene): ReturnType<Rule> {
  const running = scene.running.some(({ startedAt }) => scene.at - startedAt >= OWN_WORDS_MS);
  if (!scene.facts.logWasFolder || !running) return undefined;
  const path = scene.facts.logPath ?? 'the log';
  const detail = `before the change, a folder stood at ${path}; this version of kube-apiserver moves it aside, newer ones do not start`;
  return { certain: true, finding: logFinding(path, 'is a directory', detail) };
}
