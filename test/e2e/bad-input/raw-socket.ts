import { connect, type Socket } from 'node:net';

/** Sends bytes as they are and reads whatever comes back, until the service closes or the time is over. */
export async function exchange(port: number, bytes: string | Buffer, withinMs = 2_000): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.write(bytes);
  return await readAll(socket, withinMs);
}

/** Reads until a whole answer with a Content-Length is there, the end, or the time is over. */
export async function readAll(socket: Socket, withinMs: number): Promise<string> {
  let text = '';
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, withinMs);
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
    const head = text.indexOf('\r\n\r\n');
    const length = /content-length: (\d+)/i.exec(text)?.[1];
    if (head >= 0 && length !== undefined && text.length >= head + 4 + Number(length)) resolve();
  });
  socket.once('close', () => resolve());
  await promise;
  clearTimeout(timer);
  socket.destroy();
  return text;
}
