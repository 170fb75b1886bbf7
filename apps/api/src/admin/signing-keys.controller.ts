import { Controller } from '@nestjs/common';
import { KeyRing, KeyRotation, type SigningKeySummary } from '#fencing';
import { Input, type InputOf } from '../http/input.js';
import { Operation } from '../http/operation.js';
import { listSigningKeys, removeSigningKey, rotateSigningKeys } from './signing-keys.operations.js';

const EMERGENCY_NOTICE =
  'Replicas sign with the new key within 15 seconds. Verifiers that have not fetched it yet may refuse its tokens for ' +
  'as long as they cache the JWKS, commonly up to 10 minutes. Tokens of the key before are good until it is removed.';

/** The keys that sign fencing tokens. */
@Controller()
export class SigningKeysController {
  constructor(
    private readonly rotation: KeyRotation,
    private readonly ring: KeyRing,
  ) {}

  @Operation(listSigningKeys)
  async list(@Input(listSigningKeys) _input: InputOf<typeof listSigningKeys>) {
    return { data: (await this.rotation.list()).map(show) };
  }

  @Operation(rotateSigningKeys)
  async rotate(@Input(rotateSigningKeys) { call, body }: InputOf<typeof rotateSigningKeys>) {
    const { emergency = false } = body;
    const outcome = await this.rotation.rotate(call.caused, { emergency });
    await this.ring.load();
    const data = (await this.rotation.list()).map(show);
    return { outcome, ...(emergency && { notice: EMERGENCY_NOTICE }), data };
  }

  @Operation(removeSigningKey)
  async remove(@Input(removeSigningKey) { call, params }: InputOf<typeof removeSigningKey>): Promise<void> {
    await this.rotation.remove(params.kid, call.caused);
    await this.ring.load();
  }
}

function show({ kid, algorithm, state, createdAt, ...times }: SigningKeySummary) {
  return {
    kid,
    algorithm,
    state,
    createdAt: createdAt.toISOString(),
    usableFrom: times.usableFrom?.toISOString(),
    activatedAt: times.activatedAt?.toISOString(),
    retiredAt: times.retiredAt?.toISOString(),
    expiresAt: times.expiresAt?.toISOString(),
  };
}
