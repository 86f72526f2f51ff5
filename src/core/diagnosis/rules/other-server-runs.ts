/** A new server answers, but not the one the manifest describes: another file of the folder defines the pod too. */
import type { Rule } from '../diagnose';

export const otherServerRuns: Rule = (scene) => {
  const { stranger } = scene;
  if (!stranger) return undefined;
  const lacks = scene.facts.wantedArgv.filter((argument) => !stranger.argv.includes(argument));
  const extra = stranger.argv.slice(1).filter((argument) => !scene.facts.wantedArgv.includes(argument));
  const folder = scene.manifestPath.replace(/\/[^/]*$/, '');
  return {
    certain: true,
    finding: {
      code: 'other-manifest-wins',
      severity: 'error',
      title: 'the kubelet runs another manifest than the one written',
      detail: [
        ...(lacks.length > 0 ? [`pid ${stranger.pid} runs without ${lacks.join(' ')}`] : []),
        ...(extra.length > 0 ? [`and with ${extra.join(' ')}`] : []),
      ].join('\n'),
      remedy: [
        `ls -la ${folder}`,
        'the kubelet reads every file there that does not start with a dot, backups too, and the last one wins: move them out',
      ],
    },
  };
};
