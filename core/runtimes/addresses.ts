/** An address without the name and password in it. */
export const withoutSecrets = (address: string): string => address.replace(/^(https?:\/\/)[^/@]*@/, '$1');
