import { Controller } from '@nestjs/common';
import { IncumbentError } from '#core';
import { Input, type InputOf } from '../http/input.js';
import { Operation } from '../http/operation.js';
import { AttachedSockets } from './attached-sockets.js';
import { connect, SUBPROTOCOL } from './connect.operations.js';
import { takeUpgrade } from '../http/upgrade.js';

type ConnectInput = InputOf<typeof connect>;

/** Turns a request into a socket. From there on frames are its calls. */
@Controller()
export class ConnectController {
  constructor(private readonly sockets: AttachedSockets) {}

  @Operation(connect)
  connect(@Input(connect) { call, request, reply, headers }: ConnectInput): void {
    if (headers.upgrade?.toLowerCase() !== 'websocket') {
      void reply.header('upgrade', 'websocket');
      throw new IncumbentError(
        'request.upgrade_required',
        'This call becomes a WebSocket. Send Connection: Upgrade, Upgrade: websocket and the headers of RFC 6455.',
      );
    }
    checkHandshake(headers);
    const release = this.sockets.reserve(call.caller.tenantId);
    const upgrade = takeUpgrade(request.raw, reply.raw);
    if (!upgrade) {
      release();
      throw malformed('connection', 'Send Connection: Upgrade along, and no body.');
    }
    reply.hijack();
    this.sockets.accept(request, upgrade, release);
  }
}

/** What the library of the socket would refuse without a problem. */
function checkHandshake(headers: ConnectInput['headers']): void {
  if (headers['sec-websocket-key'] === undefined) throw malformed('sec-websocket-key', 'Is required.');
  if (headers['sec-websocket-version'] === undefined)
    throw malformed('sec-websocket-version', 'Is required; 13.');
  const offered = headers['sec-websocket-protocol']?.split(',').map((name) => name.trim());
  if (!offered?.includes(SUBPROTOCOL))
    throw malformed('sec-websocket-protocol', `Has to offer ${SUBPROTOCOL}.`);
}

function malformed(pointer: string, message: string): IncumbentError {
  return new IncumbentError('request.invalid_header', `${pointer}: ${message}`, {
    errors: [{ pointer, code: 'invalid', message }],
  });
}
