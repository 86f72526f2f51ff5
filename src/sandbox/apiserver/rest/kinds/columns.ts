/** Columns that several kinds share, and how times and lists are shown (kubernetes/pkg/printers). */
import { formatSelector } from '../selectors';
import { at, num, objs, str, type Obj } from '../value';
import type { Column } from './kind';

export const NAME: Column = {
  name: 'Name',
  format: 'name',
  description: 'The name of the object, unique within its namespace.',
  cell: (object) => str(at(object, 'metadata', 'name')),
};

export const AGE: Column = {
  name: 'Age',
  description: 'The time since the object was made.',
  cell: (object, now) => since(at(object, 'metadata', 'creationTimestamp'), now),
};

/** A column of text that is found at a path, `<none>` where nothing is. */
export function textColumn(name: string, description: string, path: readonly string[], wide = false): Column {
  return { name, description, ...(wide ? { priority: 1 } : {}), cell: (object) => str(at(object, ...path)) || NONE };
}

export function numberColumn(name: string, description: string, path: readonly string[]): Column {
  return { name, description, type: 'integer', cell: (object) => num(at(object, ...path)) };
}

/** Containers, images and selector of what has a pod template; wide only. */
export function templateColumns(path: readonly string[], selector?: readonly string[]): Column[] {
  const containers = (object: Obj): readonly Obj[] => objs(at(object, ...path, 'spec', 'containers'));
  const list = (object: Obj, field: string): string =>
    containers(object)
      .map((container) => str(container[field]))
      .join(',');
  const columns: Column[] = [
    {
      name: 'Containers',
      priority: 1,
      description: 'The names of the containers.',
      cell: (object) => list(object, 'name'),
    },
    {
      name: 'Images',
      priority: 1,
      description: 'The images of the containers.',
      cell: (object) => list(object, 'image'),
    },
  ];
  if (selector === undefined) return columns;
  return [
    ...columns,
    {
      name: 'Selector',
      priority: 1,
      description: 'Which pods belong to it.',
      cell: (object) => formatSelector(at(object, ...selector)),
    },
  ];
}

export const NONE = '<none>';

/** How long ago a time was, as kubectl users know it. */
export function since(time: unknown, now: Date): string {
  const then = typeof time === 'string' ? Date.parse(time) : NaN;
  return Number.isNaN(then) ? '<unknown>' : humanDuration(now.getTime() - then);
}

/** apimachinery/pkg/util/duration/duration.go. @param ms may be negative: clocks differ. */
export function humanDuration(ms: number): string {
  const seconds = Math.trunc(ms / 1000);
  if (seconds < -1) return '<invalid>';
  if (seconds < 0) return '0s';
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.trunc(seconds / 60);
  if (minutes < 10) return two(minutes, 'm', seconds % 60, 's');
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.trunc(minutes / 60);
  if (hours < 8) return two(hours, 'h', minutes % 60, 'm');
  if (hours < 48) return `${hours}h`;
  const days = Math.trunc(hours / 24);
  if (hours < 24 * 8) return two(days, 'd', hours % 24, 'h');
  if (hours < 24 * 365 * 2) return `${days}d`;
  const years = Math.trunc(days / 365);
  return hours < 24 * 365 * 8 ? two(years, 'y', days % 365, 'd') : `${years}y`;
}

function two(large: number, unit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large}${unit}` : `${large}${unit}${small}${smallUnit}`;
}

const MODES: ReadonlyMap<string, string> = new Map([
  ['ReadWriteOnce', 'RWO'],
  ['ReadOnlyMany', 'ROX'],
  ['ReadWriteMany', 'RWX'],
  ['ReadWriteOncePod', 'RWOP'],
]);

export function accessModes(modes: unknown): string {
  return (Array.isArray(modes) ? (modes as unknown[]) : []).map((mode) => MODES.get(str(mode)) ?? str(mode)).join(',');
}
