/** Which Kubernetes the server is: told by the tag of its image. */

export interface ServerVersion {
  /** `v1.36.0`. */
  git: string;
  /** N of 1.N. */
  minor: number;
}

/** @param image e.g. `registry.k8s.io/kube-apiserver:v1.36.0`; 1.36 when its tag tells nothing. */
export function versionOf(image: string): ServerVersion {
  const match = /:(v1\.(\d+)\.\d+[^@]*)/.exec(image);
  return match ? { git: match[1] ?? '', minor: Number(match[2]) } : { git: 'v1.36.0', minor: 36 };
}

/** What /version answers. */
export function versionInfo({ git, minor }: ServerVersion): Readonly<Record<string, string>> {
  return {
    major: '1',
    minor: String(minor),
    ...(minor >= 33 ? { emulationMajor: '1', emulationMinor: String(minor) } : {}),
    ...(minor >= 34 ? { minCompatibilityMajor: '1', minCompatibilityMinor: String(minor - 1) } : {}),
    gitVersion: git,
    gitCommit: 'sandbox',
    gitTreeState: 'clean',
    buildDate: '1970-01-01T00:00:00Z',
    goVersion: `node${process.versions.node}`,
    compiler: 'sandbox',
    platform: `${process.platform}/${process.arch === 'x64' ? 'amd64' : process.arch}`,
  };
}
