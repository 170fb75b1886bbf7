import { Incumbent, type IncumbentOptions } from '#sdk';
import { EVERY_SCOPE, Service, type Tenant } from '../service.js';

/** API replicas and one tenant, as the SDK in a customer's process sees them. */
export class Deployment {
  readonly replicas: readonly Service[];
  readonly tenant: Tenant;
  readonly apiKey: string;

  static async start(count: number): Promise<Deployment> {
    const first = await Service.start();
    const others = Array.from({ length: count - 1 }, () => Service.start({ beside: first }));
    return new Deployment(
      [first, ...(await Promise.all(others))],
      await first.tenant({ scopes: EVERY_SCOPE }),
    );
  }

  private constructor(replicas: readonly Service[], tenant: Tenant) {
    this.replicas = replicas;
    this.tenant = tenant;
    this.apiKey = tenant.caller.key ?? '';
  }

  get baseUrls(): readonly string[] {
    return this.replicas.map(({ url }) => url);
  }

  client(over: Partial<IncumbentOptions> = {}): Incumbent {
    return new Incumbent({ baseUrls: this.baseUrls, apiKey: this.apiKey, ...over });
  }

  /** Makes an election of a name that no other test uses. */
  election(settings: Record<string, unknown> = {}): Promise<string> {
    return this.tenant.caller.election(settings);
  }

  async stop(): Promise<void> {
    await Promise.all(this.replicas.map((replica) => replica.stop()));
  }
}
