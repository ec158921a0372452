import { Component, ElementRef, inject, viewChild } from '@angular/core';
import { takeUntilDestroyed } from '@angular/core/rxjs-interop';
import {
  IsActiveMatchOptions,
  NavigationEnd,
  Router,
  RouterLink,
  RouterLinkActive,
  RouterOutlet,
} from '@angular/router';
import { filter, skip } from 'rxjs';

/** The frame of all pages. */
@Component({
  selector: 'bank-app',
  imports: [RouterLink, RouterLinkActive, RouterOutlet],
  template: `
    <header>
      <div>
        <a class="name" routerLink="/">Bank</a>
        <nav aria-label="Pages">
          @for (page of pages; track page.path) {
            <a
              [routerLink]="page.path"
              routerLinkActive="here"
              [routerLinkActiveOptions]="match"
              ariaCurrentWhenActive="page"
              >{{ page.name }}</a
            >
          }
        </nav>
      </div>
    </header>
    <main #main tabindex="-1"><router-outlet /></main>
  `,
})
export class App {
  protected readonly pages = [
    { path: '/', name: 'Accounts' },
    { path: '/open', name: 'Open account' },
    { path: '/transfer', name: 'Transfer' },
  ];
  /** The transfer of an account has its number in the query of the address. */
  protected readonly match: IsActiveMatchOptions = {
    paths: 'exact',
    queryParams: 'ignored',
    matrixParams: 'ignored',
    fragment: 'ignored',
  };
  private readonly main = viewChild.required<ElementRef<HTMLElement>>('main');

  constructor() {
    // A screen reader starts to read at the new page, as if the browser had loaded it.
    inject(Router)
      .events.pipe(
        filter((event) => event instanceof NavigationEnd),
        skip(1),
        takeUntilDestroyed(),
      )
      .subscribe(() => this.main().nativeElement.focus());
  }
}
