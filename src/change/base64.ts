/** Base64 of ASCII text (tokens): what stands in a Secret's data. */
export function base64(ascii: string): string {
  return btoa(ascii);
}
