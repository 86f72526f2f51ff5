/** Lines as klog writes them: header, message, values. Source: klog/internal/buffer and internal/serialize. */
import { goQuote } from '../../core/policy/go-text';

export type Write = (text: string) => void;

export class Klog {
  readonly #write: Write;
  readonly #now: () => Date;

  constructor(write: Write, now: () => Date = () => new Date()) {
    this.#write = write;
    this.#now = now;
  }

  /** @param place `server.go:187`. */
  info(place: string, message: string): void {
    this.#line('I', place, message);
  }

  warning(place: string, message: string): void {
    this.#line('W', place, message);
  }

  error(place: string, message: string): void {
    this.#line('E', place, message);
  }

  /** The line alone; ending the process is the caller's business. */
  fatal(place: string, message: string): void {
    this.#line('F', place, message);
    this.#write('goroutine 1 [running]:\n');
  }

  /** Text without a header. */
  plain(text: string): void {
    this.#write(`${text}\n`);
  }

  #line(severity: string, place: string, message: string): void {
    const now = this.#now();
    const two = (value: number) => String(value).padStart(2, '0');
    const date = `${two(now.getUTCMonth() + 1)}${two(now.getUTCDate())}`;
    const time = `${two(now.getUTCHours())}:${two(now.getUTCMinutes())}:${two(now.getUTCSeconds())}`;
    const micro = `${String(now.getUTCMilliseconds()).padStart(3, '0')}000`;
    // Process 1 of its container.
    this.#write(`${severity}${date} ${time}.${micro}       1 ${place}] ${message}\n`);
  }
}

/** A structured message: `"msg" err="…"`; a value of several lines is indented, as klog does it. */
export function structured(message: string, err: string): string {
  if (!err.includes('\n')) return `${goQuote(message)} err=${goQuote(err)}`;
  const lines = err.split('\n').map((line) => `\t${line}`);
  return `${goQuote(message)} err=<\n${lines.join('\n')}\n >`;
}
