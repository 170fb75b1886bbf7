/** Why a socket is closed by the service. Each number has its row in `docs/attached-sessions.md`; a test compares. */
export const CLOSE = {
  /** The participant asked for nothing any more; its library may send it. */
  done: 1_000,
  /** A binary frame. */
  unsupported: 1_003,
  /** A frame that is not JSON, or no UTF-8. */
  notJson: 1_007,
  /** Far more frames than a socket may send. */
  tooMany: 1_008,
  /** A frame of more than 16 kB. */
  tooLarge: 1_009,
  /** This replica is shutting down. */
  stopping: 1_012,
  /** Whoever reads is too slow. */
  slow: 1_013,
  /** The API key is not accepted any more. */
  unwelcome: 4_401,
} as const;

export type CloseReason = keyof typeof CLOSE;
