/** A manifest as the pure checks see it: taken apart, with what is known of the server that it starts. */
import type { Finding } from '../finding';
import type { AuditSettings } from '../manifest/audit';
import type { ManifestDocument } from '../manifest/document';
import type { Server } from '../manifest/server';

export interface Judged {
  doc: ManifestDocument;
  server: Server;
  audit: AuditSettings;
  /** The manifests folder. */
  folder: string;
  /** The server's minor version, as its image's tag tells it. */
  minor: number | undefined;
}

/** One check of what a manifest says; it asks nothing of the node. */
export type Judge = (manifest: Judged) => Finding[];
