import { Injectable, type OnModuleInit } from '@nestjs/common';
import { DiscoveryService, ExternalContextCreator, MetadataScanner } from '@nestjs/core';
import type { InstanceWrapper } from '@nestjs/core/injector/instance-wrapper.js';
import { OUTBOUND_INTERCEPTORS } from './interceptors/outbound-interceptors.js';
import { OUTBOUND_POLICY } from './interceptors/outbound-metadata.js';
import { OutboundPolicies } from './outbound-policies.service.js';

type Method = (...args: unknown[]) => unknown;

const INTERCEPTORS_ONLY = { guards: false, filters: false, interceptors: true };

/**
 * Wraps every method that is marked as outbound, so that Nest runs interceptors around it: on a provider's
 * method, `@UseInterceptors` alone does nothing. Stops the start where that is not possible, because a call
 * that only looks protected is worse than one that does not.
 */
@Injectable()
export class OutboundWiring implements OnModuleInit {
  constructor(
    private readonly discovery: DiscoveryService,
    private readonly scanner: MetadataScanner,
    private readonly contexts: ExternalContextCreator,
    private readonly policies: OutboundPolicies,
  ) {}

  onModuleInit(): void {
    for (const wrapper of this.discovery.getProviders()) {
      const { instance, metatype } = wrapper as { instance: unknown; metatype: unknown };
      const prototype: unknown = instance
        ? Object.getPrototypeOf(instance)
        : Reflect.get(Object(metatype), 'prototype');
      for (const name of this.markedMethods(prototype)) {
        if (!isObject(instance) || !wrapper.isDependencyTreeStatic() || !canBeWrapped(wrapper, instance))
          throw notWrapped(wrapper.name, name);
        this.wrap(instance, name);
      }
    }
  }

  private markedMethods(prototype: unknown): string[] {
    if (!isObject(prototype)) return [];
    return this.scanner
      .getAllMethodNames(prototype)
      .filter((name) => policyOf(prototype, name) !== undefined);
  }

  private wrap(instance: object, name: string): void {
    if (Object.hasOwn(instance, name)) return;
    this.policies.require(policyOf(instance, name) ?? '');
    const method: Method = Reflect.get(instance, name);
    const wrapped = this.contexts.create(
      instance,
      method,
      name,
      undefined,
      undefined,
      undefined,
      undefined,
      INTERCEPTORS_ONLY,
      'outbound',
    );
    Object.defineProperty(instance, name, { value: wrapped });
  }
}

/**
 * Nest finds the interceptors of a class by the module that provides it under its own name, and only there it has made
 * them. Around what a factory has made none would run, and nothing would say so.
 */
function canBeWrapped({ token, host }: InstanceWrapper, instance: object): boolean {
  return token === instance.constructor && OUTBOUND_INTERCEPTORS.every((type) => host?.injectables.has(type));
}

function policyOf(target: object, name: string): string | undefined {
  const policy: unknown = Reflect.getMetadata(OUTBOUND_POLICY, Object(Reflect.get(target, name)));
  return typeof policy === 'string' ? policy : undefined;
}

function notWrapped(provider: unknown, method: string): Error {
  return new Error(
    `${String(provider)}.${method} is marked as outbound, but it is not a class that is provided under its own name, once for the whole application`,
  );
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
