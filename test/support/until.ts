/** Waits for something that another process does, and no longer than that takes. */
export async function until<T>(
  look: () => T | undefined | false | Promise<T | undefined | false>,
  most = 10_000,
): Promise<T> {
  const end = Date.now() + most;
  for (;;) {
    const seen = await look();
    if (seen !== undefined && seen !== false) return seen;
    if (Date.now() > end) throw new Error('waited in vain');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
