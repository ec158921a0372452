import { HttpClient, HttpErrorResponse } from '@angular/common/http';
import { inject, Pipe, PipeTransform, signal } from '@angular/core';
import { firstValueFrom } from 'rxjs';

/** Amounts are text with two decimals: a number of JavaScript cannot hold all of them. */
export interface Account {
  id: number;
  owner: string;
  currency: string;
  balance: string;
  opened: string;
}

export interface Accounts {
  accounts: Account[];
  total: number;
}

export interface Transfer {
  id: number;
  made: string;
  source: number | null;
  sourceOwner: string | null;
  sourceBalance: string | null;
  target: number;
  targetOwner: string;
  targetBalance: string;
  currency: string;
  amount: string;
  note: string | null;
}

/** A message for each field that is wrong. The one under '' is about the form as a whole. */
export type Errors = Partial<Record<string, string>>;

/** How many rows a page of the back end has. */
export const PAGE = 50;

/** Returns the messages of a request that failed. */
export function messages(error: unknown): Errors {
  if (error instanceof HttpErrorResponse && error.error?.errors) {
    return error.error.errors;
  }
  return { '': 'The bank does not answer. Try again: nothing happens twice.' };
}

/** Sends a form, and sends it only once: however often it arrives, the back end recognizes its key. */
export class Submission<T> {
  readonly sending = signal(false);
  readonly errors = signal<Errors>({});
  private readonly http = inject(HttpClient);
  private key = newKey();

  constructor(private readonly url: string) {}

  /** Returns what the form has made, or undefined if it has to be corrected or sent again. */
  async send(form: object): Promise<T | undefined> {
    if (this.sending()) {
      return undefined;
    }
    this.sending.set(true);
    this.errors.set({});
    try {
      const headers = { 'Idempotency-Key': this.key };
      const made = await firstValueFrom(this.http.post<T>(this.url, form, { headers }));
      this.key = newKey();
      return made;
    } catch (error) {
      this.errors.set(messages(error));
      return undefined;
    } finally {
      this.sending.set(false);
    }
  }
}

/** crypto.randomUUID exists only on pages with https or on this machine. */
function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Shows an amount: '1234.50' | money: 'EUR' is €1,234.50. */
@Pipe({ name: 'money' })
export class MoneyPipe implements PipeTransform {
  transform(amount: string, currency: string): string {
    // Exact, since the text does not become a number.
    return new Intl.NumberFormat('en-US', { style: 'currency', currency }).format(amount as `${number}`);
  }
}
