import { DatePipe } from '@angular/common';
import { httpResource } from '@angular/common/http';
import { Component, computed, input, linkedSignal } from '@angular/core';
import { RouterLink } from '@angular/router';

import { Account, messages, MoneyPipe, PAGE, Transfer } from './bank';

/** An account and its transactions, the newest first. */
@Component({
  selector: 'bank-account-page',
  imports: [DatePipe, MoneyPipe, RouterLink],
  template: `
    <h1>Account {{ id() }}</h1>
    @if (problem(); as message) {
      <p class="problem" role="alert">{{ message }}</p>
    }
    @if (account.hasValue()) {
      @let it = account.value();
      <div class="bar">
        <dl>
          <div>
            <dt>Owner</dt>
            <dd class="text" id="owner">{{ it.owner }}</dd>
          </div>
          <div>
            <dt>Balance</dt>
            <dd id="balance">{{ it.balance | money: it.currency }}</dd>
          </div>
          <div>
            <dt>Opened</dt>
            <dd>{{ it.opened | date: 'mediumDate' }}</dd>
          </div>
        </dl>
        <a class="button" routerLink="/transfer" [queryParams]="{ source: it.id }">Transfer money</a>
      </div>
    }
    @if (history.hasValue()) {
      <h2>Transactions</h2>
      @if (history.value(); as transfers) {
        @if (transfers.length) {
          <div class="wide">
            <table>
              <thead>
                <tr>
                  <th scope="col">Time</th>
                  <th scope="col">From or to</th>
                  <th scope="col" class="amount">Amount</th>
                  <th scope="col" class="amount minor">Balance</th>
                </tr>
              </thead>
              <tbody>
                @for (each of transfers; track each.id) {
                  @let out = each.source === number();
                  @let other = out ? each.target : each.source;
                  <tr>
                    <td class="time">
                      <time [attr.datetime]="each.made">{{ each.made | date: 'medium' }}</time>
                    </td>
                    <td class="text">
                      @if (other) {
                        <a [routerLink]="['/accounts', other]">{{ other }}</a>
                        {{ out ? each.targetOwner : each.sourceOwner }}
                      }
                      <div class="note">{{ each.note }}</div>
                    </td>
                    <td class="amount" [class.out]="out">
                      {{ out ? '−' : '+' }}{{ each.amount | money: each.currency }}
                    </td>
                    <td class="amount minor">
                      {{ (out ? each.sourceBalance : each.targetBalance) ?? '' | money: each.currency }}
                    </td>
                  </tr>
                }
              </tbody>
            </table>
          </div>
        } @else {
          <p>There are no transactions{{ before() ? ' before these' : ' yet' }}.</p>
        }
        @if (before() || transfers.length === size) {
          <div class="pages">
            <button type="button" [disabled]="!before()" (click)="before.set(undefined)">Newest</button>
            <button type="button" [disabled]="transfers.length < size" (click)="before.set(transfers.at(-1)?.id)">
              Older
            </button>
          </div>
        }
      }
    }
  `,
})
export class AccountPage {
  /** The number in the address of the page. */
  readonly id = input.required<string>();
  protected readonly size = PAGE;
  protected readonly number = computed(() => Number(this.id()));
  /** The transaction that the page of the history ends before. Another account starts at its newest one. */
  protected readonly before = linkedSignal<string, number | undefined>({
    source: this.id,
    computation: () => undefined,
  });
  private readonly url = computed(() => `/api/accounts/${encodeURIComponent(this.id())}`);
  protected readonly account = httpResource<Account>(() => this.url());
  protected readonly history = httpResource<Transfer[]>(() => {
    const before = this.before();
    return { url: `${this.url()}/transfers`, ...(before && { params: { before } }) };
  });
  protected readonly problem = computed(() => {
    const error = this.account.error() ?? this.history.error();
    return error && messages(error)[''];
  });
}
