/** IP addresses and networks (CIDR), version 4 and 6; an IPv4 address inside IPv6 (`::ffff:10.0.0.1`) is the IPv4 address. */
import { UserError } from '../errors';
import { exactOrGlob } from './patterns';

/** A test for one value of `--ip`. @throws {UserError} `bad-address` for what is no address, network or glob. */
export function addressTest(value: string): (text: string) => boolean {
  if (value.includes('*')) return exactOrGlob(value);
  const [address = '', prefix, ...more] = value.split('/');
  const network = parseAddress(address);
  const bits = prefix === undefined ? network?.bits : /^\d{1,3}$/.test(prefix) ? Number(prefix) : undefined;
  if (network === undefined || bits === undefined || bits > network.bits || more.length > 0) {
    throw new UserError('bad-address', `this is no address or network: ${value}`, {
      hints: ['10.0.0.5, 10.0.0.0/8, 2001:db8::/32, 192.168.1.*'],
    });
  }
  const shift = BigInt(network.bits - bits);
  return (text) => {
    const other = parseAddress(text);
    return other !== undefined && other.bits === network.bits && other.number >> shift === network.number >> shift;
  };
}

interface Address {
  number: bigint;
  bits: 32 | 128;
}

export function parseAddress(text: string): Address | undefined {
  const v4 = parseV4(text);
  if (v4 !== undefined) return { number: v4, bits: 32 };
  if (!/^[0-9a-f:.]+(?:%\w+)?$/i.test(text) || !text.includes(':')) return undefined;
  const halves = text.replace(/%.*$/, '').split('::');
  if (halves.length > 2) return undefined;
  const [front, back] = halves.map((half) => (half === '' ? [] : groups(half))) as [
    bigint[] | undefined,
    bigint[] | undefined,
  ];
  if (front === undefined || (halves.length === 2 && back === undefined)) return undefined;
  const missing = 8 - front.length - (back?.length ?? 0);
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const all = [...front, ...Array<bigint>(missing).fill(0n), ...(back ?? [])];
  const number = all.reduce((sum, group) => (sum << 16n) | group, 0n);
  return number >> 32n === 0xffffn ? { number: number & 0xffffffffn, bits: 32 } : { number, bits: 128 };
}

function groups(half: string): bigint[] | undefined {
  const found: bigint[] = [];
  const parts = half.split(':');
  for (const [at, part] of parts.entries()) {
    const v4 = at === parts.length - 1 ? parseV4(part) : undefined;
    if (v4 !== undefined) found.push(v4 >> 16n, v4 & 0xffffn);
    else if (/^[0-9a-f]{1,4}$/i.test(part)) found.push(BigInt(`0x${part}`));
    else return undefined;
  }
  return found;
}

function parseV4(text: string): bigint | undefined {
  const parts = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text)?.slice(1).map(Number);
  if (parts === undefined || parts.some((part) => part > 255)) return undefined;
  return parts.reduce((sum, part) => (sum << 8n) | BigInt(part), 0n);
}
