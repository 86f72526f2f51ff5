/** A volume cannot be set up: no container will ever be made, and only the kubelet's journal says so. */
import { kubeletLines, type Rule } from '../diagnose';

const SETUP = /MountVolume\.SetUp failed for volume \\*"([^"\\]+)/;
const TYPE = /hostPath type check failed: (\S+) is not an? ([a-z ]+)/;

export const volumeNotMountable: Rule = (scene) => {
  const line = kubeletLines(scene, SETUP).at(-1);
  if (!line) return undefined;
  const volume = SETUP.exec(line.text)?.[1] ?? '?';
  const type = TYPE.exec(line.text);
  const path = type?.[1];
  return {
    certain: true,
    finding: {
      code: 'volume-not-mountable',
      severity: 'error',
      title: type
        ? `volume ${volume} cannot be mounted: ${path} is not a ${type[2]?.trim()}`
        : `volume ${volume} cannot be mounted`,
      detail: line.text,
      remedy: type
        ? [
            `ls -ld ${path}`,
            `put the ${type[2]?.trim()} there first, or change the hostPath's type (File, Directory, DirectoryOrCreate)`,
          ]
        : ['mend the hostPath of that volume'],
    },
  };
};
