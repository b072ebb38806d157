/**
 * Resolves in a task of its own, so that what waits in this tab has its turn before: what a person does, a picture that is due. Promises alone
 * give nobody one, and a timer is held back to once a second in a hidden page.
 */
export function nextTurn(): Promise<void> {
  const { port1, port2 } = new MessageChannel();
  return new Promise((resolve) => {
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
}
