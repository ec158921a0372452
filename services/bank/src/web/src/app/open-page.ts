import { httpResource } from '@angular/common/http';
import { Component, effect, inject } from '@angular/core';
import { NonNullableFormBuilder, ReactiveFormsModule } from '@angular/forms';
import { Router } from '@angular/router';

import { Account, Submission } from './bank';
import { Field, focusFirstError } from './field';

/** The form that opens an account. */
@Component({
  selector: 'bank-open-page',
  imports: [Field, ReactiveFormsModule],
  template: `
    <h1>Open an account</h1>
    <form [formGroup]="form" (ngSubmit)="open()" novalidate>
      <bank-field name="owner" label="Owner’s name" [control]="form.controls.owner" [errors]="account.errors()" />
      <bank-field
        name="currency"
        label="Currency"
        [control]="form.controls.currency"
        [errors]="account.errors()"
        [options]="currencies.value()"
      />
      <bank-field
        name="deposit"
        label="First deposit"
        hint="0 if there is none"
        mode="decimal"
        [control]="form.controls.deposit"
        [errors]="account.errors()"
      />
      @if (account.errors()['']; as message) {
        <p class="problem" role="alert" tabindex="-1">{{ message }}</p>
      }
      <button type="submit" class="button" [disabled]="account.sending()">Open account</button>
    </form>
  `,
})
export class OpenPage {
  protected readonly account = new Submission<Account>('/api/accounts');
  protected readonly currencies = httpResource<string[]>(() => '/api/currencies', { defaultValue: [] });
  protected readonly form = inject(NonNullableFormBuilder).group({ owner: '', currency: '', deposit: '0.00' });
  private readonly router = inject(Router);

  constructor() {
    effect(() => {
      const [first] = this.currencies.hasValue() ? this.currencies.value() : [];
      this.form.controls.currency.setValue(first ?? '');
    });
  }

  protected async open(): Promise<void> {
    const opened = await this.account.send(this.form.value);
    if (opened) {
      await this.router.navigate(['/accounts', opened.id]);
    } else {
      focusFirstError();
    }
  }
}
