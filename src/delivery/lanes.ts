import type { RetentionPolicy } from '../storage/storage-element.js';
import type { TaskKind } from './task-kind.js';

/**
 * Tasks that wait for places of their own, so that large files do not keep small ones waiting, nor files of one retention
 * policy, whose elements may all hang, those of the other, nor deliveries what comes after them.
 */
export const LANES = [
  'small-temporary',
  'small-permanent',
  'large-temporary',
  'large-permanent',
  'registration',
  'removal',
] as const;

export type Lane = (typeof LANES)[number];

/** `largeBytes` is the size above which a file is a large one. */
export function laneOf(kind: TaskKind, size: number, policy: RetentionPolicy, largeBytes: number): Lane {
  if (kind !== 'delivery') return kind;
  return `${size > largeBytes ? 'large' : 'small'}-${policy}`;
}
