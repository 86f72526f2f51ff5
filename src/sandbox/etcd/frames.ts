/** Messages on a stream: four bytes of length, then JSON. It is no protocol of etcd's, and only the sandbox speaks it. */

/** Larger than any object the API server accepts, with room for a page of them. */
const LARGEST = 256 << 20;

export function frame(message: unknown): Buffer {
  const text = JSON.stringify(message);
  const length = Buffer.byteLength(text);
  const bytes = Buffer.allocUnsafe(4 + length);
  bytes.writeUInt32BE(length, 0);
  bytes.write(text, 4, 'utf8');
  return bytes;
}

export class FrameReader {
  #chunks: Buffer[] = [];
  #length = 0;

  /** @throws {Error} when the other side speaks something else. */
  push(chunk: Buffer): unknown[] {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    const messages: unknown[] = [];
    if (!this.#mayBeWhole()) return messages;
    let bytes = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks);
    let at = 0;
    while (bytes.length - at >= 4) {
      const length = bytes.readUInt32BE(at);
      if (length > LARGEST) throw new Error('the other side does not speak the sandbox etcd protocol');
      if (bytes.length - at - 4 < length) break;
      messages.push(JSON.parse(bytes.toString('utf8', at + 4, at + 4 + length)) as unknown);
      at += 4 + length;
    }
    if (at > 0) bytes = bytes.subarray(at);
    this.#chunks = bytes.length > 0 ? [bytes] : [];
    this.#length = bytes.length;
    return messages;
  }

  /** A large message that comes in small pieces would otherwise be copied again with every piece. */
  #mayBeWhole(): boolean {
    const [first] = this.#chunks;
    if (first === undefined || this.#length < 4) return false;
    if (first.length < 4) return true;
    const length = first.readUInt32BE(0);
    return length > LARGEST || this.#length - 4 >= length;
  }
}
