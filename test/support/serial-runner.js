import TestRunner from 'jest-runner';

/** Jest gives a runner that says this its spec files one after the other, with no other file beside them. */
export default class SerialRunner extends TestRunner {
  isSerial = true;
}
