import { describe, expect, it } from '@jest/globals';
import { parseEnvironment, storageDrivers } from '../../test/support/parse-environment.js';
import { ownVariables } from './element-secrets.js';
import { ConfigurationError } from './environment.js';

const bucket = { id: 's3-backup.1', driver: 's3', mode: 'rw', bucket: 'files', region: 'eu-test-1' };
const other = { ...bucket, id: 'other', mode: 'edit' };
const local = { id: 'disk', driver: 'local', path: '/files', mode: 'edit' };

const FOR_ALL = { S3_ACCESS_KEY_ID: 'AKIAALL', S3_SECRET_ACCESS_KEY: 'secret of all' };
const FOR_ONE = {
  S3_ACCESS_KEY_ID_S3_BACKUP_1: 'AKIAONE',
  S3_SECRET_ACCESS_KEY_S3_BACKUP_1: 'secret of one',
  S3_SESSION_TOKEN_S3_BACKUP_1: 'for now',
};

function credentialsIn(variables: Record<string, string>, elements: object[] = [bucket, other]): unknown[] {
  const given = { ...variables, STORAGE_ELEMENTS: JSON.stringify(elements) };
  return parseEnvironment(given).STORAGE_ELEMENTS.map((element) => Reflect.get(element, 'credentials'));
}

function problemsOf(variables: Record<string, string>, elements?: object[]): readonly string[] {
  try {
    credentialsIn(variables, elements);
    return [];
  } catch (error) {
    if (error instanceof ConfigurationError) return error.problems;
    throw error;
  }
}

describe('the credentials of an S3 element in variables', () => {
  it('are those of the element, or else those for all', () => {
    expect(credentialsIn({ ...FOR_ALL, ...FOR_ONE })).toEqual([
      { accessKeyId: 'AKIAONE', secretAccessKey: 'secret of one', sessionToken: 'for now' },
      { accessKeyId: 'AKIAALL', secretAccessKey: 'secret of all' },
    ]);
  });

  it('are none where there are none, and of no other driver', () => {
    expect(credentialsIn({ S3_ACCESS_KEY_ID: '' })).toEqual([undefined, undefined]);
    expect(credentialsIn(FOR_ALL, [local])).toEqual([undefined]);
  });

  it('are left out for all where an entry has others, or a profile', () => {
    const credentials = { accessKeyId: 'AKIAOWN', secretAccessKey: 'its own' };
    const elements = [
      { ...bucket, credentials },
      { ...other, profile: 'backup' },
    ];
    expect(credentialsIn(FOR_ALL, elements)).toEqual([credentials, undefined]);
  });

  it('are named where one is missing beside others', () => {
    expect(problemsOf({ S3_SECRET_ACCESS_KEY: 'secret of all' })).toEqual([
      'S3_ACCESS_KEY_ID: is required, since S3_SECRET_ACCESS_KEY is set',
    ]);
    expect(problemsOf({ ...FOR_ALL, S3_SESSION_TOKEN_OTHER: 'for now' })).toEqual([
      'S3_ACCESS_KEY_ID_OTHER: is required, since S3_SESSION_TOKEN_OTHER is set',
      'S3_SECRET_ACCESS_KEY_OTHER: is required, since S3_SESSION_TOKEN_OTHER is set',
    ]);
  });

  it('are named where the entry says something else', () => {
    expect(problemsOf(FOR_ONE, [other, { ...bucket, profile: 'backup' }])).toEqual([
      'S3_ACCESS_KEY_ID_S3_BACKUP_1: must not be set beside STORAGE_ELEMENTS[1].profile',
    ]);
  });

  it('are named with the element that they may have been meant for', () => {
    const problems = problemsOf({ ...FOR_ALL, S3_ACCESS_KEY_ID_OTHR: 'AKIA', PORT: 'x' });
    expect(problems).toContain(
      'S3_ACCESS_KEY_ID_OTHR is not a variable of this service; did you mean S3_ACCESS_KEY_ID_OTHER?',
    );
  });

  it('are known by the names of the elements that there are', () => {
    expect(ownVariables({ STORAGE_ELEMENTS: JSON.stringify([local, other]) }, storageDrivers)).toEqual([
      'S3_ACCESS_KEY_ID_OTHER',
      'S3_SECRET_ACCESS_KEY_OTHER',
      'S3_SESSION_TOKEN_OTHER',
    ]);
  });
});
