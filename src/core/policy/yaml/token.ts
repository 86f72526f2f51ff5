/** The tokens of YAML. */
import type { Mark } from './cursor';

export type Token = { start: Mark; end: Mark } & (
  | {
      kind:
        | 'stream-start'
        | 'stream-end'
        | 'document-start'
        | 'document-end'
        | 'block-sequence'
        | 'block-mapping'
        | 'block-end'
        | '['
        | ']'
        | '{'
        | '}'
        | ','
        | '-'
        | 'key'
        | 'value';
    }
  | { kind: 'anchor' | 'alias'; name: string }
  | { kind: 'tag'; handle: string; suffix: string }
  | { kind: 'scalar'; value: string; plain: boolean }
  | { kind: 'version'; major: number; minor: number }
  | { kind: 'tag-directive'; handle: string; prefix: string }
);

/** Tokens that are nothing but their place. */
export type BareKind = Exclude<Token['kind'], 'anchor' | 'alias' | 'tag' | 'scalar' | 'version' | 'tag-directive'>;
