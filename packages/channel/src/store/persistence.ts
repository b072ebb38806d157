let answer: Promise<boolean> | undefined;

/**
 * Whether the browser keeps this origin's storage when the disk fills; asks it once in a page's life. Firefox puts the question
 * to the person, who may leave it open for ever, so no work may wait for the answer. Never rejects: an error counts as no.
 */
export function persistentStorage(): Promise<boolean> {
  answer ??= ask().catch(() => false);
  return answer;
}

async function ask(): Promise<boolean> {
  // Undefined where the page is not served securely.
  const storage: StorageManager | undefined = navigator.storage;
  if (storage?.persist === undefined) return false;
  return (await storage.persisted()) || (await storage.persist());
}
