import type { Standing } from '#election';
import type { FencingTokens } from '#fencing';
import type { Logger } from '#telemetry';

/** Adds the fencing token to a grant. A grant does not depend on it: where signing fails, the token follows later. */
export class TokenIssuer {
  constructor(
    private readonly tokens: FencingTokens,
    private readonly logger: Logger,
  ) {}

  issue(tenantId: string, standing: Standing): string | undefined {
    const { grant, candidate, candidateId, electionId, election } = standing;
    if (grant === undefined || candidate === undefined || candidateId === undefined) return undefined;
    const { seat, epoch, term, fence } = grant;
    try {
      return this.tokens.tokenFor({
        tenantId,
        electionId,
        election,
        candidateId,
        candidate,
        seat,
        epoch,
        term,
        fence,
      });
    } catch (error) {
      this.logger.error(
        { err: error, tenantId, election },
        'a fencing token could not be signed; it follows with a renewal',
      );
      return undefined;
    }
  }
}
