/** A pod's fields: see there. The tool itself reads manifests by them as well. */
export type {
  ContainerSpec,
  EnvVar,
  HttpGet,
  KeyToValue,
  Pod,
  PodMeta,
  PodSpec,
  ProbeSpec,
  VolumeMountSpec,
  VolumeSpec,
} from '../../../core/pod/types';
export { POD, VOLUME_SOURCES } from '../../../core/pod/types';
