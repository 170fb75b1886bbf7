import { type ArgumentsHost, Catch, type ExceptionFilter, NotFoundException } from '@nestjs/common';
import type { Logger } from '#telemetry';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { isFault, type Problem, problemHeaders, toProblem } from './problem.js';
import type { RouteTable } from './route-table.js';

/** Turns whatever was thrown, by whomever, into one problem answer. The only place where errors meet HTTP. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(
    private readonly routes: RouteTable,
    private readonly logger: Logger,
    /** Told of every refusal and failure. Must not throw and must not wait. */
    private readonly noticed: (error: unknown, request: FastifyRequest) => void,
  ) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    this.answer(error, http.getRequest<FastifyRequest>(), http.getResponse<FastifyReply>());
  }

  /** The problem of a refusal that is answered by other means than HTTP: logged and noticed like every other. */
  problemOf(error: unknown, request: FastifyRequest, requestId: string): Problem {
    const problem = toProblem(error, requestId);
    if (isFault(problem)) this.logFault(error, request, problem);
    this.noticed(error, request);
    return problem;
  }

  answer(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
    const problem = toProblem(this.orWrongMethod(error, request), request.id);
    if (isFault(problem)) this.logFault(error, request, problem);
    this.noticed(error, request);
    // An answer that has begun (a stream, say) cannot become a problem any more; cutting it is all that is left.
    if (reply.sent || reply.raw.headersSent) {
      reply.raw.destroy();
      return;
    }
    if (problem.status === 405) void reply.header('allow', this.routes.methodsAt(request.url).join(', '));
    // The router refuses some paths before any hook has run.
    void reply.header('x-request-id', request.id);
    void reply.code(problem.status).headers(problemHeaders(problem)).send(JSON.stringify(problem));
  }

  /** The router knows only "no route"; where the path has other methods it is the method that is wrong. */
  private orWrongMethod(error: unknown, request: FastifyRequest): unknown {
    if (!(error instanceof NotFoundException)) return error;
    const methods = this.routes.methodsAt(request.url);
    return methods.length === 0 ? error : this.routes.wrongMethod(request.method, methods);
  }

  private logFault(error: unknown, request: FastifyRequest, problem: Problem): void {
    this.logger.error(
      { err: error, requestId: problem.requestId, method: request.method, route: request.routeOptions.url },
      'a request failed unexpectedly',
    );
  }
}
