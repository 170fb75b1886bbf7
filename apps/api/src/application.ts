import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { SwaggerModule } from '@nestjs/swagger';
import { AppModule, CONTROLLERS } from './app.module.js';
import { NestLogger } from './http/nest-logger.js';
import { buildDocument } from './http/openapi-document.js';
import { createServer } from './http/server.js';
import type { Services } from './services.js';

/** The HTTP application, ready to listen. */
export async function createApplication(services: Services): Promise<NestFastifyApplication> {
  const app = await NestFactory.create<NestFastifyApplication>(
    AppModule.with(services),
    createServer(services.edge),
    { logger: new NestLogger(services.logger), bodyParser: false, abortOnError: false },
  );
  app.useGlobalFilters(services.edge.filter);
  const document = buildDocument(CONTROLLERS) as never;
  SwaggerModule.setup('docs', app, document, { jsonDocumentUrl: 'openapi.json', raw: ['json'] });
  return app;
}
