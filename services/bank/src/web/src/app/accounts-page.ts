import { httpResource } from '@angular/common/http';
import { Component, computed, linkedSignal, signal } from '@angular/core';
import { RouterLink } from '@angular/router';

import { Accounts, messages, MoneyPipe, PAGE } from './bank';

/** The accounts, the newest first, and a search by owner or number. */
@Component({
  selector: 'bank-accounts-page',
  imports: [MoneyPipe, RouterLink],
  template: `
    <h1>Accounts</h1>
    <div class="bar">
      <search>
        <label for="search">Owner or account number</label>
        <input id="search" type="search" autocomplete="off" #box (input)="find(box.value)" />
      </search>
      <a class="button" routerLink="/open">Open an account</a>
    </div>
    @if (problem(); as message) {
      <p class="problem" role="alert">{{ message }}</p>
    } @else if (shown(); as page) {
      <p role="status" id="count">{{ page.total }} {{ page.total === 1 ? 'account' : 'accounts' }}</p>
      @if (page.accounts.length) {
        <div class="wide">
          <table>
            <thead>
              <tr>
                <th scope="col">Account</th>
                <th scope="col">Owner</th>
                <th scope="col" class="amount">Balance</th>
              </tr>
            </thead>
            <tbody>
              @for (account of page.accounts; track account.id) {
                <tr>
                  <td>
                    <a [routerLink]="['/accounts', account.id]">{{ account.id }}</a>
                  </td>
                  <td class="text">{{ account.owner }}</td>
                  <td class="amount">{{ account.balance | money: account.currency }}</td>
                </tr>
              }
            </tbody>
          </table>
        </div>
      }
      @if (page.total > size) {
        <div class="pages">
          <button type="button" [disabled]="offset() === 0" (click)="move(-size)">Newer accounts</button>
          <button type="button" [disabled]="offset() + size >= page.total" (click)="move(size)">Older accounts</button>
        </div>
      }
    }
  `,
})
export class AccountsPage {
  protected readonly size = PAGE;
  protected readonly offset = signal(0);
  private readonly search = signal('');
  private readonly found = httpResource<Accounts>(() => ({
    url: '/api/accounts',
    params: { search: this.search(), offset: this.offset() },
  }));
  protected readonly problem = computed(() => this.found.error() && messages(this.found.error())['']);
  /** The page, and until the next one has arrived the previous one: nothing flickers while somebody types. */
  protected readonly shown = linkedSignal<Accounts | undefined, Accounts | undefined>({
    source: () => (this.found.hasValue() ? this.found.value() : undefined),
    computation: (page, previous) => page ?? previous?.value,
  });

  protected find(text: string): void {
    this.search.set(text);
    this.offset.set(0);
  }

  protected move(rows: number): void {
    this.offset.update((offset) => Math.max(0, offset + rows));
  }
}
