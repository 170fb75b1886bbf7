/** Stops the private stack that jest-setup.mjs started, if it did. */
export default async function tearDown() {
  await globalThis.incumbentPrivateStack?.stop();
}
