/** The peer sent bytes that are not what the protocol allows. Costs the peer its connection, never more. */
export class ProtocolError extends Error {
  override readonly name = "ProtocolError";
}
