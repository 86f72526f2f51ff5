/** How a kube-apiserver ends when it cannot go on: the words, their form, the exit code (component-base/cli/run.go, klog). */
import { structured, type Klog } from './klog';

/** Ends the start. `failed`: returned by the command; `fatal`: a fatal log line. */
export class StartFailure extends Error {
  readonly form: 'failed' | 'fatal';
  /** Of a fatal line, e.g. `instance.go:233`. */
  readonly place: string;

  constructor(message: string, form: 'failed' | 'fatal' = 'failed', place = '') {
    super(message);
    this.form = form;
    this.place = place;
  }
}

/** Says it as the version would. @returns the exit code. */
export function tellFailure(failure: StartFailure, klog: Klog, minor: number): number {
  if (failure.form === 'fatal') {
    klog.fatal(failure.place, failure.message);
    return 255;
  }
  if (minor >= 23) klog.error('run.go:72', structured('command failed', failure.message));
  else klog.plain(`Error: ${failure.message}`);
  return 1;
}
