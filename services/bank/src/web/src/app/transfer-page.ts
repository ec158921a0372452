import { httpResource } from '@angular/common/http';
import { Component, computed, effect, inject, input, Signal, signal } from '@angular/core';
import { toSignal } from '@angular/core/rxjs-interop';
import { NonNullableFormBuilder, ReactiveFormsModule } from '@angular/forms';
import { RouterLink } from '@angular/router';

import { Accounts, MoneyPipe, Submission, Transfer } from './bank';
import { Field, focusFirstError } from './field';

/** The form that transfers money. */
@Component({
  selector: 'bank-transfer-page',
  imports: [Field, MoneyPipe, ReactiveFormsModule, RouterLink],
  template: `
    <h1>Transfer money</h1>
    <div role="status" id="done">
      @if (done(); as it) {
        <p class="done">
          {{ it.amount | money: it.currency }} moved from account
          <a [routerLink]="['/accounts', it.source]">{{ it.source }}</a> to account
          <a [routerLink]="['/accounts', it.target]">{{ it.target }}</a
          >.
        </p>
      }
    </div>
    <form [formGroup]="form" (ngSubmit)="send()" novalidate>
      <bank-field
        name="source"
        label="From account"
        mode="numeric"
        [control]="form.controls.source"
        [errors]="transfer.errors()"
        [hint]="source()"
      />
      <bank-field
        name="target"
        label="To account"
        mode="numeric"
        [control]="form.controls.target"
        [errors]="transfer.errors()"
        [hint]="target()"
      />
      <bank-field
        name="amount"
        label="Amount"
        mode="decimal"
        hint="For example 12.50"
        [control]="form.controls.amount"
        [errors]="transfer.errors()"
      />
      <bank-field
        name="note"
        label="Note (optional)"
        [control]="form.controls.note"
        [errors]="transfer.errors()"
      />
      @if (transfer.errors()['']; as message) {
        <p class="problem" role="alert" tabindex="-1">{{ message }}</p>
      }
      <button type="submit" class="button" [disabled]="transfer.sending()">Transfer</button>
    </form>
  `,
})
export class TransferPage {
  /** The account that pays, if the address of the page names one. */
  readonly from = input<string>(undefined, { alias: 'source' });
  protected readonly transfer = new Submission<Transfer>('/api/transfers');
  protected readonly done = signal<Transfer | undefined>(undefined);
  protected readonly form = inject(NonNullableFormBuilder).group({ source: '', target: '', amount: '', note: '' });
  protected readonly source = holder(toSignal(this.form.controls.source.valueChanges, { initialValue: '' }));
  protected readonly target = holder(toSignal(this.form.controls.target.valueChanges, { initialValue: '' }));

  constructor() {
    effect(() => this.form.controls.source.setValue(this.from() ?? ''));
  }

  protected async send(): Promise<void> {
    this.done.set(undefined);
    const done = await this.transfer.send(this.form.value);
    if (done) {
      this.done.set(done);
      this.form.patchValue({ amount: '', note: '' });
    } else {
      focusFirstError();
    }
  }
}

/** Returns the owner of the account whose number somebody types, or '' as long as there is none. */
function holder(number: Signal<string>): Signal<string> {
  const accounts = httpResource<Accounts>(() => {
    const search = number().trim();
    return /^\d+$/.test(search) ? { url: '/api/accounts', params: { search } } : undefined;
  });
  return computed(() => {
    const found = accounts.hasValue() ? accounts.value().accounts : [];
    return found.find((account) => String(account.id) === number().trim())?.owner ?? '';
  });
}
