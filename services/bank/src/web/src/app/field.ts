import { Component, input } from '@angular/core';
import { FormControl, ReactiveFormsModule } from '@angular/forms';

import { Errors } from './bank';

/** A field with its label, a hint, and what the back end found wrong with it. */
@Component({
  selector: 'bank-field',
  imports: [ReactiveFormsModule],
  template: `
    <label [for]="name()">{{ label() }}</label>
    @if (options(); as choices) {
      <select
        [id]="name()"
        [formControl]="control()"
        [attr.aria-invalid]="!!errors()[name()]"
        [attr.aria-describedby]="name() + '-help'"
      >
        @for (choice of choices; track choice) {
          <option [value]="choice">{{ choice }}</option>
        }
      </select>
    } @else {
      <input
        autocomplete="off"
        [id]="name()"
        [formControl]="control()"
        [attr.inputmode]="mode()"
        [attr.aria-invalid]="!!errors()[name()]"
        [attr.aria-describedby]="name() + '-help'"
      />
    }
    <p class="help" [id]="name() + '-help'">
      @if (errors()[name()]; as message) {
        <span class="error">{{ message }}</span>
      } @else {
        {{ hint() }}
      }
    </p>
  `,
})
export class Field {
  readonly name = input.required<string>();
  readonly label = input.required<string>();
  readonly control = input.required<FormControl<string>>();
  readonly errors = input.required<Errors>();
  readonly hint = input('');
  readonly mode = input<'text' | 'numeric' | 'decimal'>('text');
  readonly options = input<string[]>();
}

/** Moves to the first field that is wrong, or to the message about the form, once they are drawn. */
export function focusFirstError(): void {
  setTimeout(() => document.querySelector<HTMLElement>('[aria-invalid="true"], [role="alert"]')?.focus());
}
