import type { Attempt, Delivery, DeliveryDetail, Endpoint } from '#webhooks';

/** Spells endpoints and deliveries as the contract does. Undefined fields vanish in JSON. */

export function showEndpoint(endpoint: Endpoint) {
  const { id, url, version: _, status, disabledReason, disabledAt, firstFailureAt, ...more } = endpoint;
  const disabled = status === 'disabled';
  return {
    id,
    url,
    status,
    ...more,
    description: more.description ?? undefined,
    disabledReason: disabled ? (disabledReason ?? undefined) : undefined,
    disabledAt: disabled ? disabledAt?.toISOString() : undefined,
    failingSince: firstFailureAt?.toISOString(),
    lastSuccessAt: more.lastSuccessAt?.toISOString(),
    createdAt: more.createdAt.toISOString(),
    updatedAt: more.updatedAt.toISOString(),
  };
}

export function showDelivery(delivery: Delivery) {
  const { id, endpointId, messageId, type, election, redelivery, state } = delivery;
  return {
    id,
    endpointId,
    messageId,
    type,
    election: election === '' ? undefined : election,
    redelivery,
    state,
    attemptCount: delivery.attempts,
    lastStatus: delivery.lastStatus ?? undefined,
    nextAttemptAt: state === 'pending' ? delivery.dueAt.toISOString() : undefined,
    createdAt: delivery.createdAt.toISOString(),
    finishedAt: delivery.finishedAt?.toISOString(),
  };
}

export function showDeliveryDetail(delivery: DeliveryDetail) {
  return {
    ...showDelivery(delivery),
    payload: delivery.payload,
    attempts: delivery.attemptList.map(showAttempt),
  };
}

function showAttempt(attempt: Attempt) {
  return {
    number: attempt.number,
    startedAt: attempt.startedAt.toISOString(),
    connectMs: attempt.connectMs ?? undefined,
    durationMs: attempt.durationMs,
    status: attempt.status ?? undefined,
    error: attempt.error ?? undefined,
    responseHeaders: attempt.responseHeaders ?? undefined,
    responseBody: attempt.responseBody ?? undefined,
  };
}
