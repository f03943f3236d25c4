/**
 * Repeats `check` until it holds; pages draw on a later frame than the input that asks for it, and how much later depends
 * on the machine. Rethrows what `check` threw last.
 */
export async function eventually(check: () => Promise<void> | void, seconds = 20): Promise<void> {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
    await new Promise(resolve => setTimeout(resolve, 30));
  }
}
