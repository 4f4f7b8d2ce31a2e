/** Metadata of an outbound method: the name of its policy. */
export const OUTBOUND_POLICY = Symbol('OutboundPolicy');
