/** Without an authorizer everybody may do everything: Kafka's bit field of all operations a resource knows. */
export const authorizedOperations = {
  /** read 3, write 4, create 5, delete 6, alter 7, describe 8, describe configs 10, alter configs 11 */
  topic: 0b1101_1111_1000,
  /** create 5, alter 7, describe 8, cluster action 9, describe configs 10, alter configs 11, idempotent write 12 */
  cluster: 0b1_1111_1010_0000,
  /** read 3, delete 6, describe 8, describe configs 10, alter configs 11 */
  group: 0b1101_0100_1000,
} as const;

/** Says that the operations were not asked for. */
export const OPERATIONS_NOT_ASKED = -2147483648;
